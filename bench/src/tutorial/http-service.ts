import express, { type ErrorRequestHandler, type Express } from "express";
import { ready } from "../ready.ts";
import { variable } from "../variable.ts";

/** An Express application without the work that nobody asked for. */
export function httpService(): Express {
  const app = express();
  app.disable("x-powered-by");
  app.disable("etag");
  app.use(express.json());
  return app;
}

/** Serves it on PORT. To be called last: errors are answered by what comes last. */
export function serve(app: Express): void {
  const answerError: ErrorRequestHandler = (error, _request, response, _next) => {
    const status = error.response?.status ?? error.status ?? 500;
    response.status(status).json({ error: error.message });
  };
  app.use(answerError);
  app.listen(Number(variable("PORT")), "127.0.0.1", ready);
}
