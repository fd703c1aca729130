import { databaseVariables, endUserVariables, eventVariables } from "@row/runtime/run-service.ts";

export const variables = { ...databaseVariables, ...eventVariables, ...endUserVariables };
