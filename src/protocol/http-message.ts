/** HTTP as the codecs see it: no sockets, so that whole services are tested without one. */
export interface HttpRequest {
  readonly method: string;
  /** Path as sent, still percent-encoded, without the query: `/bucket/a%20b`. */
  readonly path: string;
  /** Query as sent, without `?`; empty when there is none. */
  readonly query: string;
  /** Names lower-cased; repeated headers joined with `, ` (`; ` for cookies) as node:http does. */
  readonly headers: Readonly<Record<string, string>>;
  /** The whole body, or its decoded stream for operations with a streaming input. */
  readonly body: Uint8Array | AsyncIterable<Uint8Array>;
}

export interface HttpResponse {
  status: number;
  headers: Record<string, string>;
  body: Uint8Array | string | AsyncIterable<Uint8Array> | undefined;
}
