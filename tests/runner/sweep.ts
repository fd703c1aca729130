// Waits until the test run that started it is gone, then stops and deletes what is left in the run's folder.
import { once } from "node:events";
import { tidyUp } from "./tidy-up.ts";

const [folder] = process.argv.slice(2);
process.stdin.resume();
await once(process.stdin, "close");
if (folder) await tidyUp(folder);
