import { Document, isMap, isScalar, isSeq, visit } from "yaml";

/** The first words of every generated file, by which one that is no longer wanted is known. */
export const RENDERED = "# Rendered from";

/** Several objects as one file for kubectl. */
export function renderFile(objects: readonly object[]): string {
  const documents = objects.map((object) => {
    const document = new Document(object, {
      aliasDuplicateObjects: false,
      // kubectl reads YAML 1.1, in which a plain "on" is true.
      compat: "yaml-1.1",
    });
    visit(document, {
      // Short mappings within lists stand on one line: a port, a variable, a mount.
      Map: (_, map, path) => {
        if (path.some(isSeq) && isShort(map, 2)) map.flow = true;
      },
    });
    return document.toString({ lineWidth: 120, flowCollectionPadding: true });
  });
  return `${RENDERED} every service.yaml by \`npm run k8s:render\`; change those, or k8s/src, instead\n${documents.join("---\n")}`;
}

function isShort(node: unknown, depth: number): boolean {
  if (isScalar(node)) return !String(node.value).includes("\n");
  return isMap(node) && depth >= 0 && node.items.every(({ value }) => isShort(value, depth - 1));
}
