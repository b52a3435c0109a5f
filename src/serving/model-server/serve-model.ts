/**
 * The container contract of inference over one loaded model: `GET /ping`, `POST /invocations`,
 * `GET /execution-parameters`, as HTTP/1.1 on a Unix socket.
 */
import { chmod, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import { InferenceError } from "../../algorithms/algorithm.ts";
import type { LoadedModel } from "../../algorithms/algorithm.ts";

/** Largest request body; batch transform may send up to 100 MB. */
const maxBodyBytes = 100 * 1024 * 1024;

export interface ModelServer {
  /** Accepts nothing new, answers what it has, and resolves when the last connection is closed. */
  drain(graceMs: number): Promise<void>;
}

/**
 * Serves a model on a Unix socket. A file left at the path by a dead server is replaced.
 *
 * @param log receives one line per request that failed
 */
export async function serveModel(
  model: LoadedModel,
  socketPath: string,
  log: (line: string) => void,
): Promise<ModelServer> {
  let draining = false;

  const answer = (response: ServerResponse, status: number, contentType: string, body: Uint8Array | string) => {
    response.sendDate = false;
    const headers: Record<string, string | number> = {
      "content-type": contentType,
      "content-length": typeof body === "string" ? Buffer.byteLength(body) : body.byteLength,
    };
    // Nothing closes a kept-alive connection for us once the listener is closed.
    if (draining) headers.connection = "close";
    response.writeHead(status, headers);
    response.end(body);
  };

  const fail = (request: IncomingMessage, response: ServerResponse, error: unknown) => {
    const status = error instanceof InferenceError ? error.status : 500;
    const message = error instanceof Error ? error.message : String(error);
    const detail = error instanceof InferenceError || !(error instanceof Error) ? message : (error.stack ?? message);
    log(`${request.method} ${request.url} ${status} ${detail.replaceAll(/\s*\n\s*/g, " | ")}`);
    answer(response, status, "text/plain; charset=utf-8", message);
  };

  const invoke = async (request: IncomingMessage, response: ServerResponse) => {
    let body: Uint8Array;
    try {
      body = await readBody(request);
    } catch (error) {
      if (!(error instanceof BodyTooLarge)) throw error;
      log(`${request.method} ${request.url} 413 ${error.message}`);
      answer(response, 413, "text/plain; charset=utf-8", error.message);
      return;
    }
    try {
      const result = await model.predict(body, request.headers["content-type"] ?? "", request.headers.accept ?? "");
      answer(response, result.status ?? 200, result.contentType, result.body);
    } catch (error) {
      fail(request, response, error);
    }
  };

  const routes: Readonly<Record<string, (request: IncomingMessage, response: ServerResponse) => void>> = {
    "POST /invocations": (request, response) => {
      // The client is gone when reading the body fails: there is nobody to answer.
      invoke(request, response).catch((error: unknown) => request.destroy(error instanceof Error ? error : undefined));
    },
    "GET /ping": (_, response) => answer(response, 200, "application/json", ""),
    "GET /execution-parameters": (_, response) =>
      // One thread predicts, so a second concurrent transform would only wait.
      answer(
        response,
        200,
        "application/json",
        '{"MaxConcurrentTransforms":1,"BatchStrategy":"MULTI_RECORD","MaxPayloadInMB":6}',
      ),
  };

  const server = createServer({ keepAliveTimeout: 0, requestTimeout: 0, noDelay: true }, (request, response) => {
    const route = `${request.method} ${request.url}`;
    if (Object.hasOwn(routes, route)) routes[route](request, response);
    else
      answer(
        response,
        404,
        "text/plain; charset=utf-8",
        `${route} is not served; this model answers ${Object.keys(routes).join(", ")}`,
      );
  });

  await rm(socketPath, { force: true });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(socketPath, resolve);
  });
  await chmod(socketPath, 0o600);

  return {
    drain: (graceMs) =>
      new Promise((resolve) => {
        draining = true;
        server.close(() => resolve());
        setTimeout(() => server.closeAllConnections(), graceMs).unref();
      }),
  };
}

class BodyTooLarge extends Error {}

/** The whole body; a body that came in one chunk is not copied. */
function readBody(request: IncomingMessage): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    request.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size > maxBodyBytes) {
        request.removeAllListeners("data").resume();
        reject(new BodyTooLarge(`the body is larger than ${maxBodyBytes} bytes; send fewer records per request`));
      } else {
        chunks.push(chunk);
      }
    });
    request.on("end", () => resolve(chunks.length === 1 ? chunks[0] : Buffer.concat(chunks, size)));
    request.on("error", reject);
  });
}
