/** Whether a host, with or without a port, can stand in a URL; Connect makes one of every request. */
export function isHost(text: string | undefined): boolean {
  return text !== undefined && text !== "" && URL.canParse(`http://${text}`);
}
