/**
 * Whose program is at the other end of a connection on this machine.
 *
 * Every user of a machine reaches its loopback ports, but the proxy hands out credentials and speaks for one user alone.
 * Linux says which user a socket is of. Source: proc(5), /proc/net/tcp.
 */
import { readFile } from "node:fs/promises";
import { endianness } from "node:os";

/** The two ends of a connection, seen from this side; IPv4. */
export interface Connection {
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
  readonly localAddress?: string | undefined;
  readonly localPort?: number | undefined;
}

/** Clients with sockets of IPv6 reach IPv4 addresses, too, and stand in the second table. */
const tables = ["/proc/net/tcp", "/proc/net/tcp6"];
/** State of what is left of a closed connection, which belongs to nobody. */
const timeWait = "06";
/** The kernel may leave a row out while the table changes. */
const maxLooks = 3;

/**
 * Whether the other end is a program of this user, or of root, who may do everything anyway. True, too, on systems that
 * do not tell, and for a socket that its program has closed already: nobody hears the answer.
 */
export async function isOwnPeer(connection: Connection, ownUid = process.getuid?.()): Promise<boolean> {
  if (ownUid === undefined) return true;
  for (let look = 0; look < maxLooks; look += 1) {
    const rows = await socketRows();
    const uid = uidOfRow(rows, endsOf(connection, "remote"));
    if (uid !== undefined) return uid === ownUid || uid === 0;
    // A table without our own end of the connection is none to go by.
    if (uidOfRow(rows, endsOf(connection, "local")) === undefined) return true;
  }
  return false;
}

/** Rows of all sockets; none on systems without such tables. */
async function socketRows(): Promise<readonly string[]> {
  const texts = await Promise.all(tables.map((table) => readFile(table, "latin1").catch(() => "")));
  return texts.flatMap((text) => text.split("\n").slice(1));
}

/** Local and remote end as the row of one side of the connection has them. */
function endsOf(
  { remoteAddress = "", remotePort = 0, localAddress = "", localPort = 0 }: Connection,
  side: "remote" | "local",
): string {
  const [theirs, ours] = [endOf(remoteAddress, remotePort), endOf(localAddress, localPort)];
  return side === "remote" ? `${theirs} ${ours}` : `${ours} ${theirs}`;
}

/** `127.0.0.1`, 8080: `0100007F:1F90`; the address as a word of this machine. */
function endOf(address: string, port: number): string {
  const bytes = Buffer.from(
    address
      .replace(/^::ffff:/, "")
      .split(".")
      .map(Number),
  );
  if (endianness() === "LE") bytes.reverse();
  const hex = (value: string) => value.toUpperCase();
  return `${hex(bytes.toString("hex"))}:${hex(port.toString(16).padStart(4, "0"))}`;
}

/** @param ends `0100007F:1F90 0100007F:C350`; rows of the second table have more in front of each address */
function uidOfRow(rows: readonly string[], ends: string): number | undefined {
  const [local, remote] = ends.split(" ");
  for (const row of rows) {
    const fields = row.trim().split(/\s+/);
    if (fields[3] === timeWait) continue;
    if (fields[1]?.endsWith(local) === true && fields[2]?.endsWith(remote) === true) return Number(fields[7]);
  }
  return undefined;
}
