/** Tells the process that started this one that it serves, and ends this one when that process is gone. */
export function ready(): void {
  process.once("disconnect", () => process.exit());
  process.send?.("ready");
}
