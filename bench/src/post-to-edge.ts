/** Posts JSON to the edge of a shop on this machine. Throws what the edge says when it refuses. */
export async function postToEdge(
  port: number,
  path: string,
  body: object,
  token?: string,
): Promise<Record<string, unknown>> {
  const headers = { "content-type": "application/json", ...(token ? { authorization: `Bearer ${token}` } : {}) };
  const url = `http://127.0.0.1:${port}${path}`;
  const response = await fetch(url, { method: "POST", headers, body: JSON.stringify(body) });
  const text = await response.text();
  if (!response.ok) throw new Error(`Cannot POST ${path}: HTTP ${response.status} ${text}`);
  return JSON.parse(text);
}
