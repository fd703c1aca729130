/** The contracts' files as end users may see them: with comments, and with the RPCs that are served and no others. */
import { readFileSync } from "node:fs";
import { create, fromBinary } from "@bufbuild/protobuf";
import {
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
  type SourceCodeInfo_Location,
  SourceCodeInfoSchema,
} from "@bufbuild/protobuf/wkt";

/** Numbers of fields in descriptor.proto, of which source paths are made. */
const FILE_SERVICE = 6;
const SERVICE_METHOD = 2;

/** The files, with only the RPCs of these gRPC paths. */
export function publicFiles(paths: ReadonlySet<string>): FileDescriptorProto[] {
  const file = new URL(import.meta.resolve("@row/gen/contracts-with-comments.binpb"));
  return fromBinary(FileDescriptorSetSchema, readFileSync(file)).file.map((one) => withoutRpcs(one, paths));
}

function withoutRpcs(file: FileDescriptorProto, paths: ReadonlySet<string>): FileDescriptorProto {
  const kept = file.service.map((service) =>
    service.method.flatMap(({ name }, index) => (paths.has(`/${file.package}.${service.name}/${name}`) ? [index] : [])),
  );
  const service = file.service.flatMap((one, index) => {
    const methods = kept[index] ?? [];
    return methods.length > 0 ? [{ ...one, method: one.method.filter((_, at) => methods.includes(at)) }] : [];
  });
  const services = kept.flatMap((methods, index) => (methods.length > 0 ? [index] : []));
  const location = file.sourceCodeInfo?.location.flatMap((one) => moved(one, services, kept)) ?? [];
  return create(FileDescriptorProtoSchema, {
    ...file,
    service,
    sourceCodeInfo: create(SourceCodeInfoSchema, { location }),
  });
}

/** A comment's place says by index what it is on: what is left out moves the rest up. */
function moved(
  location: SourceCodeInfo_Location,
  services: readonly number[],
  methods: readonly (readonly number[])[],
): SourceCodeInfo_Location[] {
  const [kind, service, part, method, ...rest] = location.path;
  if (kind !== FILE_SERVICE || service === undefined) return [location];
  const newService = services.indexOf(service);
  if (newService < 0) return [];
  if (part !== SERVICE_METHOD || method === undefined) {
    return [{ ...location, path: [kind, newService, ...location.path.slice(2)] }];
  }
  const newMethod = methods[service]?.indexOf(method) ?? -1;
  return newMethod < 0 ? [] : [{ ...location, path: [kind, newService, part, newMethod, ...rest] }];
}
