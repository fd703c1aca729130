/** Finds descriptor files by name, by what they declare and by the extensions in them, as gRPC's server reflection asks. */
import { toBinary } from "@bufbuild/protobuf";
import {
  type DescriptorProto,
  type EnumDescriptorProto,
  type FieldDescriptorProto,
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
} from "@bufbuild/protobuf/wkt";

export class FileIndex {
  readonly services: readonly string[];
  readonly #files = new Map<string, FileDescriptorProto>();
  /** By full name, without the dot in front. */
  readonly #symbols = new Map<string, FileDescriptorProto>();
  readonly #extensions = new Map<string, Map<number, FileDescriptorProto>>();

  constructor(files: readonly FileDescriptorProto[]) {
    for (const file of files) {
      this.#files.set(file.name, file);
      this.#addFile(file);
    }
    this.services = files.flatMap((file) => file.service.map(({ name }) => `${file.package}.${name}`)).sort();
  }

  byName(name: string): Uint8Array[] | undefined {
    return this.#withImports(this.#files.get(name));
  }

  bySymbol(symbol: string): Uint8Array[] | undefined {
    return this.#withImports(this.#symbols.get(symbol.replace(/^\./, "")));
  }

  byExtension(type: string, number: number): Uint8Array[] | undefined {
    return this.#withImports(this.#extensions.get(type)?.get(number));
  }

  /** The numbers of a message's extensions; undefined for what is no message here. */
  extensionNumbers(type: string): number[] | undefined {
    const numbers = this.#extensions.get(type);
    if (numbers) return [...numbers.keys()].sort((a, b) => a - b);
    return this.#symbols.has(type) ? [] : undefined;
  }

  /** The file, and what it cannot be read without. */
  #withImports(file: FileDescriptorProto | undefined): Uint8Array[] | undefined {
    if (!file) return undefined;
    const found = new Set<FileDescriptorProto>();
    const add = (one: FileDescriptorProto | undefined) => {
      if (!one || found.has(one)) return;
      found.add(one);
      for (const name of one.dependency) add(this.#files.get(name));
    };
    add(file);
    return [...found].map((one) => toBinary(FileDescriptorProtoSchema, one));
  }

  #addFile(file: FileDescriptorProto): void {
    const add = (name: string) => this.#symbols.set(name, file);
    const addEnum = ({ name, value }: EnumDescriptorProto, scope: string) => {
      add(join(scope, name));
      // Values are siblings of their enum; clients also ask for them as its children.
      for (const one of value) {
        add(join(scope, one.name));
        add(`${join(scope, name)}.${one.name}`);
      }
    };
    const addExtension = ({ name, extendee, number }: FieldDescriptorProto, scope: string) => {
      add(join(scope, name));
      const type = extendee.replace(/^\./, "");
      const numbers = this.#extensions.get(type) ?? new Map<number, FileDescriptorProto>();
      this.#extensions.set(type, numbers.set(number, file));
    };
    const addMessage = (message: DescriptorProto, scope: string) => {
      const name = join(scope, message.name);
      add(name);
      for (const field of [...message.field, ...message.oneofDecl]) add(`${name}.${field.name}`);
      for (const nested of message.nestedType) addMessage(nested, name);
      for (const nested of message.enumType) addEnum(nested, name);
      for (const nested of message.extension) addExtension(nested, name);
    };
    for (const message of file.messageType) addMessage(message, file.package);
    for (const one of file.enumType) addEnum(one, file.package);
    for (const one of file.extension) addExtension(one, file.package);
    for (const service of file.service) {
      const name = join(file.package, service.name);
      add(name);
      for (const method of service.method) add(`${name}.${method.name}`);
    }
  }
}

function join(scope: string, name: string): string {
  return scope === "" ? name : `${scope}.${name}`;
}
