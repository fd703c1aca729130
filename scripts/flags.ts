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

/** In the digits that a flag's number may have, where it has no end of its own. */
const LARGEST = 999_999_999;

/** A flag's number; one that is none ends the script in a line that says what is wanted. */
export function countFlag(name: string, value: string, most = LARGEST): number {
  if (/^[1-9][0-9]{0,8}$/.test(value) && Number(value) <= most) return Number(value);
  console.error(`--${name} must be a whole number from 1${most < LARGEST ? ` to ${most}` : ""}, not ${value}`);
  process.exit(2);
}
