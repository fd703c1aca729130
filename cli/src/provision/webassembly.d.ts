/** The little of WebAssembly that is used here; TypeScript describes the rest only together with the browser's DOM. */
declare namespace WebAssembly {
  type Exports = Record<string, unknown>;
  type ModuleImports = Record<string, unknown>;
  function instantiate(
    bytes: Uint8Array<ArrayBuffer>,
    imports: Record<string, ModuleImports>,
  ): Promise<{ instance: { exports: Exports } }>;
}
