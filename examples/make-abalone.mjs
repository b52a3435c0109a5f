#!/usr/bin/env node
// Makes a data set of the form of the UCI abalone set: rings first (the label), then seven measures of a shell.
// The numbers are drawn from a seeded generator and a rough growth curve, so nothing is downloaded and every run is alike.
import { writeFileSync } from "node:fs";

/** Mulberry32: small, seeded, good enough for made-up shells. */
function random(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const uniform = random(7243);
const normal = () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());

function shell() {
  const rings = Math.max(1, Math.round(10 + 3.2 * normal()));
  const length = Math.max(0.08, 0.72 * (1 - Math.exp(-0.17 * rings)) + 0.05 * normal());
  const diameter = 0.8 * length * (1 + 0.03 * normal());
  const height = 0.27 * length * (1 + 0.08 * normal());
  const whole = 5.6 * length ** 3 * (1 + 0.08 * normal());
  const shucked = 0.43 * whole * (1 + 0.08 * normal());
  const viscera = 0.22 * whole * (1 + 0.08 * normal());
  const shellWeight = (0.22 + 0.006 * rings) * whole * (1 + 0.05 * normal());
  const sex = uniform() < 0.35 ? 0 : uniform() < 0.5 ? 1 : 2;
  return [
    rings,
    sex,
    ...[length, diameter, height, whole, shucked, viscera, shellWeight].map((x) => x.toFixed(4)),
  ].join(",");
}

const rows = Array.from({ length: 4177 }, shell);
writeFileSync("abalone-train.csv", `${rows.slice(0, 3300).join("\n")}\n`);
writeFileSync("abalone-validation.csv", `${rows.slice(3300).join("\n")}\n`);
console.log("wrote abalone-train.csv (3,300 rows) and abalone-validation.csv (877 rows)");
