/** Read by editors and people only. Licences stay: they have to travel with the code. */
const FOR_PEOPLE = /\.(map|md|markdown|flow|tsbuildinfo)$|\.d\.[cm]?ts$|\.test\.[cm]?[jt]s$/;
const LICENCE = /^(licen[cs]e|notice|copying)/i;
/** Folders that packages publish along with what they are for. Deeper down the same names hold code. */
const BESIDE_THE_CODE = new Set([
  "test",
  "tests",
  "__tests__",
  "example",
  "examples",
  "benchmark",
  "benchmarks",
  "docs",
]);
const QUERY_COMPILER = /^query_compiler_\w+_bg\.\w+\./;

/**
 * Whether a file or folder of a package can never be loaded by a service.
 * @param path relative to the package's folder
 * @param compilers the query compilers that generated clients import, such as
 *   "query_compiler_fast_bg.postgresql.mjs": Prisma ships two for every database it knows, 2 to 4 MB each
 */
export function isNeedless(path: string, isFolder: boolean, compilers: ReadonlySet<string>): boolean {
  if (isFolder) return BESIDE_THE_CODE.has(path);
  const name = path.slice(path.lastIndexOf("/") + 1);
  if (QUERY_COMPILER.test(name)) return !compilers.has(name);
  // Prisma's client for edge runtimes, a second copy of the whole.
  if (name.startsWith("wasm-compiler-edge.")) return true;
  return FOR_PEOPLE.test(name) && !LICENCE.test(name);
}
