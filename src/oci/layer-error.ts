/** Why an archive was refused; the content is not trusted, so every one of these is an ordinary outcome. */
export type LayerProblem =
  | 'UnsafePath'
  | 'TooLarge'
  | 'TooManyEntries'
  | 'Corrupt'
  | 'Unsupported'
  /** This machine would not make the marker that hides a file of a lower layer. */
  | 'WhiteoutRefused';

export class LayerError extends Error {
  readonly problem: LayerProblem;
  constructor(problem: LayerProblem, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'LayerError';
    this.problem = problem;
  }
}

export interface ArchiveLimits {
  /** Bytes of the archive once decompressed. */
  maxBytes: number;
  maxEntries: number;
}

/** Above what real images hold; a layer beyond it is refused. */
export const layerLimits: ArchiveLimits = { maxBytes: 32 * 2 ** 30, maxEntries: 2_000_000 };
/** For sources that a user uploads. */
export const sourceLimits: ArchiveLimits = { maxBytes: 2 * 2 ** 30, maxEntries: 300_000 };
