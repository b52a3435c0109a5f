import { existsSync } from "node:fs";
import { expect, test } from "vitest";
import { proxyEnvironment, upstreamProxy } from "./environment.ts";

const place = {
  url: "http://127.0.0.1:4000",
  port: 4000,
  files: { authority: "/d/ca.pem", bundle: "/d/bundle.pem", javaTrustStore: "/my d/trust.jks" },
};

test("a user's options are added to, and their exceptions stay but for AWS's hosts", () => {
  const variables = proxyEnvironment(place, {
    NODE_OPTIONS: "--max-old-space-size=100",
    JAVA_TOOL_OPTIONS: "-Xmx1g",
    NO_PROXY: "intranet.example.com, .amazonaws.com,169.254.169.254,*",
  });
  expect(variables["NODE_OPTIONS"]).toMatch(/^--max-old-space-size=100 --require ".*node-preload\.cjs"$/);
  expect(variables["JAVA_TOOL_OPTIONS"]).toMatch(/^-Xmx1g -Dhttps\.proxyHost=127\.0\.0\.1 -Dhttps\.proxyPort=4000 /);
  expect(variables["JAVA_TOOL_OPTIONS"]).toContain('-Djavax.net.ssl.trustStore="/my d/trust.jks"');
  expect(variables["NO_PROXY"]).toBe("127.0.0.1,localhost,::1,intranet.example.com");
  expect(variables["no_proxy"]).toBe(variables["NO_PROXY"]);
  expect(Object.hasOwn(variables, "ALL_PROXY")).toBe(true);
  expect(variables["ALL_PROXY"]).toBeUndefined();
});

test("what Node loads is there once the project is built", () => {
  const [, file] = /--require "(.*)"$/.exec(proxyEnvironment(place, {})["NODE_OPTIONS"]!)!;
  expect(existsSync(file.replace("/src/", "/dist/"))).toBe(true);
});

test("a user's own proxy is found, with its name and password", () => {
  expect(upstreamProxy({})).toBeUndefined();
  expect(upstreamProxy({ HTTPS_PROXY: "socks5://host:1080" })).toBeUndefined();
  expect(upstreamProxy({ https_proxy: "http://user:p%40ss@proxy.example.com:3128" })).toEqual({
    host: "proxy.example.com",
    port: 3128,
    authorization: `Basic ${Buffer.from("user:p@ss").toString("base64")}`,
  });
});
