import pg from "pg";
import { connectNats } from "../src/events/nats.ts";
import { startRelay } from "../src/events/relay.ts";
import { log } from "./harness.ts";

const [connectionString = "", url = ""] = process.argv.slice(2);
startRelay({
  pool: new pg.Pool({ connectionString }),
  connectionString,
  nats: await connectNats({ url, log }),
  log,
});
