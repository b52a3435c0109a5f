import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { expect, test } from "vitest";
import { isOwnPeer } from "./peer.ts";

const knowsOwners = existsSync("/proc/net/tcp");
const someoneElse = 54_321;

async function accepted(host: string): Promise<{ theirs: Socket; ours: Socket; close(): Promise<void> }> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const theirs = connect({ host, port: (server.address() as AddressInfo).port });
  const [ours] = (await once(server, "connection")) as [Socket];
  return {
    theirs,
    ours,
    async close() {
      theirs.destroy();
      ours.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

test.each(["127.0.0.1", "::ffff:127.0.0.1"])("a program of this user is known by its socket to %s", async (host) => {
  const pair = await accepted(host);
  expect(await isOwnPeer(pair.ours)).toBe(true);
  await pair.close();
});

test.skipIf(!knowsOwners)("a program of another user is known by its socket", async () => {
  // Only root can start a program of another user; everybody else is another user to the one that is named here.
  const isRoot = process.getuid!() === 0;
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const program = `require("node:net").connect(${port}, "127.0.0.1").on("error", () => {}).resume()`;
  const child = spawn(process.execPath, ["-e", program], {
    stdio: "ignore",
    ...(isRoot ? { uid: someoneElse, gid: someoneElse } : {}),
  });
  const [ours] = (await once(server, "connection")) as [Socket];
  expect(await isOwnPeer(ours, isRoot ? 0 : someoneElse)).toBe(false);
  expect(await isOwnPeer(ours, isRoot ? someoneElse : process.getuid!())).toBe(true);
  ours.destroy();
  server.close();
  child.kill();
  await once(child, "exit");
});

test.skipIf(!knowsOwners)("a connection that no table knows is taken: some systems have none", async () => {
  const pair = await accepted("127.0.0.1");
  const { remoteAddress, localAddress, localPort } = pair.ours;
  expect(await isOwnPeer({ remoteAddress, remotePort: 1, localAddress, localPort }, someoneElse)).toBe(true);
  await pair.close();
});
