import { writeFile } from 'node:fs/promises'

export interface Order {
  readonly customer: string
  readonly amount: number
}

/** Sums the orders of each customer: work that keeps its thread busy when there are millions. */
export async function writeReport(path: string, orders: readonly Order[]): Promise<void> {
  const sums = new Map<string, number>()
  for (const { customer, amount } of orders) sums.set(customer, (sums.get(customer) ?? 0) + amount)
  await writeFile(path, [...sums].map((line) => line.join(',')).join('\n'))
}
