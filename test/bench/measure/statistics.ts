/** A measured value: the median of several rounds, and the middle half of them. */
export interface Summary {
  readonly median: number
  readonly low: number
  readonly high: number
}

export function summarize(values: readonly number[]): Summary {
  const sorted = values.toSorted((one, other) => one - other)
  return {
    median: quantile(sorted, 0.5),
    low: quantile(sorted, 0.25),
    high: quantile(sorted, 0.75),
  }
}

/** What each round says of `values` in terms of `base`, so that a slow second weighs on both. */
export function ratio(values: readonly number[], base: readonly number[]): Summary {
  return summarize(values.map((value, round) => value / (base[round] ?? NaN)))
}

/** The interquartile range, as a part of the median. */
export function spread({ median, low, high }: Summary): number {
  return (high - low) / median
}

function quantile(sorted: readonly number[], part: number): number {
  const at = (sorted.length - 1) * part
  const [low = NaN, high = NaN] = [sorted[Math.floor(at)], sorted[Math.ceil(at)]]
  return low + (high - low) * (at - Math.floor(at))
}
