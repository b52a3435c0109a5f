import type { Principal } from "../service.ts";

/** An access key and who it belongs to. */
export interface Credential {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Present on temporary credentials; the request must carry the same token. */
  readonly sessionToken?: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt?: number;
  readonly principal: Principal;
}

/** Finds the credential of an access key id; undefined when there is none. */
export type CredentialLookup = (accessKeyId: string) => Credential | undefined | Promise<Credential | undefined>;

/** The part of a request that a signature covers, apart from its body. */
export interface RequestHead {
  readonly method: string;
  /** Path as sent, still percent-encoded, without the query. */
  readonly path: string;
  /** Query as sent, without `?`. */
  readonly query: string;
  /** Names lower-cased, values as node:http gives them: one character per byte. */
  readonly headers: Readonly<Record<string, string>>;
}
