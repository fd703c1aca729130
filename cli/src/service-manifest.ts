// What a service.yaml says is read in one place, for whoever runs services and for whoever meshes them.
export { discoverServices, type ServiceManifest, selectServices } from "@row/mesh/service-manifest.ts";
