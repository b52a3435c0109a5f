import type { Algorithm } from "../algorithm.ts";

export declare const xgboost: Algorithm;
