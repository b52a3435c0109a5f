/** The signing client, for Node and the browser. */
export { AwsClientError } from "./aws-client-error.ts";
export {
  createClient,
  createQueryClient,
  createSignedFetch,
  type CallOptions,
  type ClientOptions,
  type ClientRequest,
  type JsonClient,
  type QueryClient,
  type SignedFetch,
} from "./client.ts";
export type { ClientServiceName, JsonServiceName, QueryServiceName } from "./services.ts";
export { encodeComponent, type ClientCredentials } from "./signer.ts";
export type { JsonWire, QueryWire } from "./wire.ts";
