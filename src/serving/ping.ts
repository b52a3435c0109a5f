import { request } from "node:http";

/**
 * One `GET /ping` on a fresh connection, so that it never waits behind invocations.
 *
 * @returns whether the server answered 200 within `timeoutMs`
 */
export function ping(socketPath: string, timeoutMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const call = request(
      { socketPath, path: "/ping", method: "GET", timeout: timeoutMs, headers: { connection: "close" } },
      (response) => {
        response.resume();
        resolve(response.statusCode === 200);
      },
    );
    call.on("timeout", () => call.destroy(new Error("timeout")));
    call.on("error", () => resolve(false));
    call.end();
  });
}
