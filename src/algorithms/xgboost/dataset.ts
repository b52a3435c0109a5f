/** Rows as read from the channels: features, labels, weights. Missing is NaN (dense) or absent (sparse). */

export type FeatureMatrix =
  | {
      readonly kind: "dense";
      readonly nRows: number;
      readonly nFeatures: number;
      /** shape (nRows, nFeatures), row-major; NaN is missing. May lie on a SharedArrayBuffer. */
      readonly values: Float32Array;
    }
  | {
      readonly kind: "sparse";
      readonly nRows: number;
      readonly nFeatures: number;
      /** Compressed sparse rows: shape (nRows + 1). */
      readonly rowStart: Float64Array | Uint32Array;
      readonly columns: Uint32Array;
      readonly values: Float32Array;
    };

export interface Dataset {
  readonly features: FeatureMatrix;
  /** shape (nRows) */
  readonly labels: Float32Array;
  /** shape (nRows); absent means 1 for every row. */
  readonly weights?: Float32Array;
}
