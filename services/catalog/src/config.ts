import { databaseVariables, endUserVariables, eventVariables } from "@row/runtime/variables.ts";

export const variables = { ...databaseVariables, ...eventVariables, ...endUserVariables };
