/** A policy as it is evaluated: made once from its document, read many times. */

export interface Policy {
  /** Who it is in answers and explanations: an ARN, or the name of an inline policy. */
  readonly name: string;
}
