/** The flags of a script: --help prints what it is for, and a flag that it does not know ends it in two lines. */
import { type ParseArgsConfig, parseArgs } from "node:util";

export function readFlags<Config extends ParseArgsConfig>(
  usage: string,
  config: Config,
): ReturnType<typeof parseArgs<Config>> {
  if (process.argv.slice(2).some((word) => word === "--help" || word === "-h")) {
    console.log(usage);
    process.exit(0);
  }
  try {
    return parseArgs(config);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error; // what parseArgs says of words that it cannot take
    console.error(`${error.message}\n(--help says what there is)`);
    process.exit(2);
  }
}
