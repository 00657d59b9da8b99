/** Score histograms of all micrographs: counts and means at any threshold without a request. */

export const BINS = 256;

/** Return the lowest bin that counts at a threshold; a threshold within a bin counts it by its larger part. */
export function firstBin(threshold: number): number {
  return Math.min(BINS, Math.max(0, Math.round(threshold * BINS)));
}

/** Return a threshold at the nearest edge of a bin, where counts are exact. */
export function atEdge(threshold: number): number {
  return firstBin(threshold) / BINS;
}

/** Return the bin of a score; scores outside [0, 1] belong to the first or the last. */
export function binOf(score: number): number {
  return Math.min(BINS - 1, Math.max(0, Math.floor(score * BINS)));
}

export class Histograms {
  readonly number: number;
  private readonly bins: Uint16Array;
  private readonly counted: Uint8Array;
  private readonly sums = new Float64Array(BINS);

  /** Take over micrographs × 256 counts, row by row, and what micrographs are rejected and count for nothing. */
  constructor(bins: Uint16Array, rejected: readonly boolean[]) {
    if (bins.length !== rejected.length * BINS)
      throw new Error(`${bins.length} counts for ${rejected.length} micrographs of ${BINS} bins`);
    this.number = rejected.length;
    this.bins = bins;
    this.counted = new Uint8Array(this.number).fill(1);
    for (let i = 0; i < this.number; i++) this.tally(i, 1);
    rejected.forEach((out, i) => {
      this.reject(i, out);
    });
  }

  /** Leave a micrograph out of totals, or count it again. */
  reject(micrograph: number, out: boolean): void {
    if (out === !this.counted[micrograph]) return;
    this.tally(micrograph, out ? -1 : 1);
    this.counted[micrograph] = out ? 0 : 1;
  }

  /** Replace one micrograph's histogram by that of these scores. */
  replace(micrograph: number, scores: Iterable<number>): void {
    if (this.counted[micrograph]) this.tally(micrograph, -1);
    const row = this.row(micrograph).fill(0);
    for (const score of scores) row[binOf(score)]!++;
    if (this.counted[micrograph]) this.tally(micrograph, 1);
  }

  /** Return the picks of one micrograph at a threshold; none of a rejected one. */
  count(micrograph: number, threshold: number): number {
    if (!this.counted[micrograph]) return 0;
    let number = 0;
    const row = this.row(micrograph);
    for (let bin = firstBin(threshold); bin < BINS; bin++) number += row[bin]!;
    return number;
  }

  /** Return the picks of the whole run at a threshold. */
  total(threshold: number): number {
    let number = 0;
    for (let bin = firstBin(threshold); bin < BINS; bin++) number += this.sums[bin]!;
    return number;
  }

  /** Return the mean score of a micrograph's picks at a threshold, `added` picks without a score left out. */
  mean(micrograph: number, threshold: number, added: number): number | null {
    let number = -added;
    let sum = (-added * (BINS - 0.5)) / BINS;
    const row = this.row(micrograph);
    for (let bin = firstBin(threshold); bin < BINS; bin++) {
      number += row[bin]!;
      sum += (row[bin]! * (bin + 0.5)) / BINS;
    }
    return number > 0 ? sum / number : null;
  }

  /** Return the histogram of the whole run. */
  totals(): Float64Array {
    return this.sums;
  }

  row(micrograph: number): Uint16Array {
    return this.bins.subarray(micrograph * BINS, (micrograph + 1) * BINS);
  }

  private tally(micrograph: number, sign: 1 | -1): void {
    const row = this.row(micrograph);
    for (let bin = 0; bin < BINS; bin++) this.sums[bin]! += sign * row[bin]!;
  }
}
