import { Server, ServerCredentials, type ServerUnaryCall, type sendUnaryData } from "@grpc/grpc-js";
import { ready } from "../ready.ts";
import { variable } from "../variable.ts";
import { EchoService } from "./echo.ts";

const server = new Server();
server.addService(EchoService, {
  echo: (call: ServerUnaryCall<Buffer, Buffer>, callback: sendUnaryData<Buffer>) => callback(null, call.request),
});
server.bindAsync(variable("ADDRESS"), ServerCredentials.createInsecure(), (error) => {
  if (error) throw error;
  ready();
});
