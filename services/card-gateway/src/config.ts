/** Every environment variable the gateway reads. */
export interface Config {
  host: string;
  port: number;
  dataDir: string;
  slowAnswerMs: number;
}

export function readConfig(env: NodeJS.ProcessEnv): Config {
  const problems: string[] = [];
  const address = /^(.+):(\d{1,5})$/.exec(env.LISTEN_ADDRESS ?? "127.0.0.1:5490");
  if (address === null) problems.push("LISTEN_ADDRESS must be host:port");
  const dataDir = env.DATA_DIR;
  if (!dataDir) problems.push("DATA_DIR must name the folder of the log");
  const slowAnswerMs = Number(env.SLOW_ANSWER_MS ?? "30000");
  if (!Number.isSafeInteger(slowAnswerMs) || slowAnswerMs < 0) problems.push("SLOW_ANSWER_MS must be milliseconds");
  if (problems.length > 0 || address === null || !dataDir) throw new Error(problems.join("; "));
  return { host: address[1] ?? "", port: Number(address[2]), dataDir, slowAnswerMs };
}
