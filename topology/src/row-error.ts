/** A failure with a message written for the person at the terminal; anything else that is thrown is a bug. */
export class RowError extends Error {
  override name = "RowError";
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}
