import { Agent } from "node:http";
import axios, { type AxiosInstance } from "axios";

/** Calls another service over connections that stay open, which tutorials forget. */
export function caller(baseURL: string): AxiosInstance {
  return axios.create({ baseURL, timeout: 10_000, httpAgent: new Agent({ keepAlive: true, maxSockets: 64 }) });
}
