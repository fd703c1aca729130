/** Objects of Kubernetes as the text of one file. */
import { Document, isMap, isScalar, isSeq, visit } from "yaml";

/** How deep mappings nest within a short one. */
const SHORT_DEPTH = 2;

/** One document for each; the heading is a comment. */
export function manifestText(heading: string, objects: readonly object[]): string {
  const documents = objects.map((object) => {
    const document = new Document(object, {
      aliasDuplicateObjects: false,
      // kubectl reads YAML 1.1, in which a plain "on" is true.
      compat: "yaml-1.1",
    });
    visit(document, {
      // Short mappings within lists stand on one line: a match, a reference, a port, a variable.
      Map: (_, map, path) => {
        if (path.some(isSeq) && isShort(map, SHORT_DEPTH)) map.flow = true;
      },
    });
    return document.toString({ lineWidth: 120, flowCollectionPadding: true });
  });
  return `${heading}\n${documents.join("---\n")}`;
}

function isShort(node: unknown, depth: number): boolean {
  if (isScalar(node)) return !String(node.value).includes("\n");
  return isMap(node) && depth >= 0 && node.items.every(({ value }) => isShort(value, depth - 1));
}
