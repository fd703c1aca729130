/** The compressions that requests of Connect and gRPC may come in, each bounded in what it unpacks to. */
import { Code, ConnectError } from "@connectrpc/connect";
import type { Compression } from "@connectrpc/connect/protocol";
import { compressionBrotli, compressionGzip } from "@connectrpc/connect-node";

export const REQUEST_COMPRESSIONS: readonly Compression[] = [compressionGzip, compressionBrotli].map(blamingTheSender);

/** Connect calls data that ends too early an internal error, and other data that cannot be unpacked an invalid argument. */
function blamingTheSender(compression: Compression): Compression {
  return {
    ...compression,
    async decompress(bytes, readMaxBytes) {
      try {
        return await compression.decompress(bytes, readMaxBytes);
      } catch (error) {
        const isSenders = error instanceof ConnectError && error.code === Code.Internal;
        throw isSenders ? new ConnectError(error.rawMessage, Code.InvalidArgument) : error;
      }
    },
  };
}
