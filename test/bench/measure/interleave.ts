/**
 * Measures each subject once a round. The rounds go through them forwards and backwards in turn:
 * neighbours stay neighbours, and what changes slowly on the machine weighs on all alike. The first
 * round warms up and does not count.
 */
export async function interleave<Subject, Measured>(
  subjects: readonly Subject[],
  rounds: number,
  measure: (subject: Subject) => Promise<Measured>,
): Promise<Map<Subject, Measured[]>> {
  const results = new Map<Subject, Measured[]>(subjects.map((subject) => [subject, []]))
  for (let round = 0; round <= rounds; round += 1) {
    for (const subject of round % 2 === 0 ? subjects : subjects.toReversed()) {
      const measured = await measure(subject)
      if (round > 0) results.get(subject)?.push(measured)
    }
  }
  return results
}
