/** Services, methods, messages and enums as a person reads them: as in a .proto file, with the comments it has. */
import {
  type AnyDesc,
  type DescEnum,
  type DescField,
  type DescMessage,
  type DescMethod,
  type DescService,
  type FileRegistry,
  ScalarType,
} from "@bufbuild/protobuf";
import { RowError } from "@row/topology/row-error.ts";
import { findMethod } from "./dynamic-client.ts";
import { requestTemplate } from "./request-template.ts";

/** Numbers of fields in descriptor.proto, of which the paths of comments are made. */
const FILE = { message: 4, enum: 5, service: 6 };
const MESSAGE = { field: 2, message: 3, enum: 4 };
const ENUM = { value: 2 };
const SERVICE = { method: 2 };

/** One line a service, or of one service one line a method, with the first sentence of its comment. @param flags for the commands it names, such as " --address host:port" */
export function listText(contracts: FileRegistry, name: string | undefined, flags: string): string {
  const services = [...contracts].filter((type) => type.kind === "service");
  if (name === undefined) {
    const rows = services.map((service) => `${service.typeName}  ${count(service.methods.length, "method")}`);
    return [...rows.sort(), "", `The methods of one: npx row call${flags} --list SERVICE`].join("\n");
  }
  const found = services.find(({ typeName }) => `.${typeName}`.endsWith(`.${name}`));
  if (!found) throw new RowError(`There is no service ${name}: there are ${names(services)}`);
  const lines = found.methods.map((method) => `${found.typeName}/${method.name}${firstSentence(method)}`);
  return [...lines, "", `One of them: npx row call${flags} --describe ${found.name}.${found.methods[0]?.name}`].join(
    "\n",
  );
}

/** A service, method, message or enum by its full name, or by one that is short but clear. */
export function describeText(contracts: FileRegistry, name: string, flags: string): string {
  const wanted = `.${name.replace("/", ".").replace(/^\./, "")}`;
  const types = [...contracts].filter((type) => type.kind !== "extension" && `.${type.typeName}`.endsWith(wanted));
  const [type] = types;
  if (types.length > 1) {
    throw new RowError(`${name} is not clear: it may be ${types.map((one) => nameOf(one)).join(" or ")}`);
  }
  if (type?.kind === "service") return serviceText(type);
  if (type?.kind === "message") return messageText(type);
  if (type?.kind === "enum") return enumText(type);
  return methodText(findMethod(contracts, name), flags);
}

function nameOf(type: AnyDesc): string {
  return "typeName" in type ? type.typeName : type.name;
}

function serviceText(service: DescService): string {
  const methods = service.methods.map((method) => indented(withComment(method, signature(method))));
  return withComment(service, [`service ${service.typeName} {`, ...methods, "}"].join("\n"));
}

function methodText(method: DescMethod, flags: string): string {
  const path = `${method.parent.typeName}/${method.name}`;
  const template = JSON.stringify(requestTemplate(method.input));
  return [
    withComment(method, signature(method)),
    messageText(method.input),
    messageText(method.output),
    `Call it: npx row call${flags} ${path} '${template}'`,
  ].join("\n\n");
}

function signature({ name, input, output, methodKind }: DescMethod): string {
  const asked = methodKind === "client_streaming" || methodKind === "bidi_streaming" ? "stream " : "";
  const answered = methodKind === "server_streaming" || methodKind === "bidi_streaming" ? "stream " : "";
  return `rpc ${name}(${asked}${input.typeName}) returns (${answered}${output.typeName});`;
}

function messageText(message: DescMessage): string {
  const fields = message.fields.map((field) => indented(withComment(field, fieldText(field))));
  return withComment(message, [`message ${message.typeName} {`, ...fields, "}"].join("\n"));
}

function enumText(type: DescEnum): string {
  const values = type.values.map((value) => indented(withComment(value, `${value.name} = ${value.number};`)));
  return withComment(type, [`enum ${type.typeName} {`, ...values, "}"].join("\n"));
}

function fieldText(field: DescField): string {
  const label = field.fieldKind === "list" ? "repeated " : field.proto.proto3Optional ? "optional " : "";
  const oneof = field.oneof ? `  // one of ${field.oneof.name}` : "";
  return `${label}${typeOf(field)} ${field.name} = ${field.number};${oneof}`;
}

function typeOf(field: DescField): string {
  if (field.fieldKind === "map") {
    const value = field.message?.typeName ?? field.enum?.typeName ?? scalarName(field.scalar);
    return `map<${scalarName(field.mapKey)}, ${value}>`;
  }
  return field.message?.typeName ?? field.enum?.typeName ?? scalarName(field.scalar);
}

function scalarName(scalar: ScalarType | undefined): string {
  return scalar === undefined ? "" : ScalarType[scalar].toLowerCase();
}

function withComment(desc: AnyDesc, text: string): string {
  const comment = commentOf(desc);
  return [...comment.map((line) => `//${line}`), text].join("\n");
}

function firstSentence(desc: AnyDesc): string {
  const [, sentence] = /^ ?(.*?)(?:\.\s|\.?$)/.exec(commentOf(desc).join("").replaceAll(/\s+/g, " ")) ?? [];
  return sentence ? `  ${sentence.trim()}` : "";
}

/** The lines above an element in its file; none where the contracts came without comments. */
function commentOf(desc: AnyDesc): string[] {
  const path = pathOf(desc);
  const file = desc.kind === "file" ? desc : fileOf(desc);
  const found = file.proto.sourceCodeInfo?.location.find(
    (location) => location.path.length === path.length && location.path.every((part, index) => part === path[index]),
  );
  return found?.leadingComments ? found.leadingComments.trimEnd().split("\n") : [];
}

function fileOf(desc: Exclude<AnyDesc, { kind: "file" }>) {
  return "file" in desc ? desc.file : desc.parent.file;
}

/** Where an element stands in its file, by field number and index: what comments are kept under. */
function pathOf(desc: AnyDesc): number[] {
  switch (desc.kind) {
    case "service":
      return [FILE.service, desc.file.services.indexOf(desc)];
    case "rpc":
      return [...pathOf(desc.parent), SERVICE.method, desc.parent.methods.indexOf(desc)];
    case "message":
      return desc.parent
        ? [...pathOf(desc.parent), MESSAGE.message, indexIn(desc.parent.proto.nestedType, desc)]
        : [FILE.message, indexIn(desc.file.proto.messageType, desc)];
    case "enum":
      return desc.parent
        ? [...pathOf(desc.parent), MESSAGE.enum, indexIn(desc.parent.proto.enumType, desc)]
        : [FILE.enum, indexIn(desc.file.proto.enumType, desc)];
    case "field":
      return [...pathOf(desc.parent), MESSAGE.field, indexIn(desc.parent.proto.field, desc)];
    case "enum_value":
      return [...pathOf(desc.parent), ENUM.value, desc.parent.values.indexOf(desc)];
    default:
      return [];
  }
}

function indexIn(siblings: readonly { name: string }[], { name }: { name: string }): number {
  return siblings.findIndex((sibling) => sibling.name === name);
}

function names(services: readonly DescService[]): string {
  return services.map(({ typeName }) => typeName).join(", ");
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

function indented(text: string): string {
  return text.replaceAll(/^/gm, "  ");
}
