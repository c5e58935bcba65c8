/** Any value, looked into without knowing what it is. */
export interface Unknown {
  (): Unknown | undefined
  readonly [key: PropertyKey]: Unknown | undefined
}

/** Where a host keeps something, from the arguments of the handler on. */
export type Probe = (first?: Unknown, second?: Unknown, third?: Unknown) => unknown

/** The first thing of the kind that a probe finds. */
export function find<Found>(
  probes: readonly Probe[],
  args: readonly unknown[],
  isFound: (value: unknown) => value is Found,
): Found | undefined {
  const values = args as readonly Unknown[]
  for (const probe of probes) {
    try {
      const value = probe(values[0], values[1], values[2])
      if (isFound(value)) return value
    } catch {
      // A getter that throws: absent.
    }
  }
  return undefined
}
