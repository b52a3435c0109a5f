import { afterEach, beforeEach, expect, test } from "vitest";
import type { Principal } from "../../protocol/service.ts";
import type { RecordStore } from "../../storage/record-store.ts";
import { accountId, IamBench, trust } from "../../../tests/support/iam.ts";
import { IamStore } from "./iam-store.ts";
import { LastUses } from "./last-uses.ts";

let bench: IamBench;
const user = (accessKeyId: string): Principal => ({
  kind: "user",
  accountId,
  arn: `arn:aws:iam::${accountId}:user/ann`,
  userId: "AIDAANN",
  accessKeyId,
});
const key = { accountId, region: "aws-global", family: "iam-last-use", name: "AKIA1" };
const use = (at: number) => ({ at, service: "s3", region: "us-east-1" });

beforeEach(() => {
  bench = new IamBench();
});
afterEach(() => bench.close());

test("uses are written together, at most once a minute, and kept out of the history", async () => {
  const uses = new LastUses(new IamStore(bench.records));
  uses.note(user("AKIA1"), use(1000));
  uses.note(user("AKIA2"), use(2000));
  uses.note(user("AKIA1"), use(60_999));
  await uses.close();
  // Within the minute it is the same use.
  expect((await bench.records.get(key))!.body).toEqual(use(1000));
  expect(await uses.ofAccessKey(accountId, "AKIA2")).toEqual(use(2000));
  uses.note(user("AKIA1"), use(61_000));
  expect(await uses.ofAccessKey(accountId, "AKIA1")).toEqual(use(61_000));
  await uses.close();
  expect(await bench.records.get(key)).toMatchObject({ revision: 2, body: use(61_000) });
  expect(await bench.records.history(key)).toEqual([]);
});

test("what could not be written waits for the next time", async () => {
  let isFull = true;
  const store = new IamStore(
    new Proxy(bench.records as RecordStore, {
      get(records, name: keyof RecordStore) {
        if (name === "write" && isFull) return () => Promise.reject(new Error("no space left"));
        return (records[name] as (...given: unknown[]) => unknown).bind(records);
      },
    }),
  );
  const uses = new LastUses(store);
  uses.note(user("AKIA1"), use(1000));
  await uses.close();
  expect(await bench.records.get(key)).toBeUndefined();
  expect(await uses.ofAccessKey(accountId, "AKIA1")).toEqual(use(1000));
  isFull = false;
  await uses.close();
  expect((await bench.records.get(key))!.body).toEqual(use(1000));
});

test("a role tells when a session of it was last used, and another role of its name does not", async () => {
  const make = async () =>
    (await bench.call("CreateRole", { RoleName: "R", AssumeRolePolicyDocument: trust })).Role.RoleId;
  const lastUsed = async () => (await bench.call("GetRole", { RoleName: "R" })).Role.RoleLastUsed;
  const roleId = await make();
  expect(await lastUsed()).toEqual({});
  const session: Principal = { ...user("ASIA1"), kind: "assumed-role", userId: `${roleId}:s` };
  bench.iam.noteUse(session, use(5000));
  expect(await lastUsed()).toEqual({ LastUsedDate: new Date(5000), Region: "us-east-1" });
  await bench.call("DeleteRole", { RoleName: "R" });
  await make();
  expect(await lastUsed()).toEqual({});
});
