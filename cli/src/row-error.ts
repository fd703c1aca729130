// The mesh tells people at the terminal what is wrong in the same way.
export { codeOf, messageOf, RowError } from "@row/mesh/row-error.ts";
