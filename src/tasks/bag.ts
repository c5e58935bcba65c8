/** What can be in a bag knows where. */
export interface Bagged {
  slot: number | undefined
}

/**
 * A set of what comes and goes with every request. A `Set` copies its table over and over there,
 * and the garbage collector keeps what the old tables point to: half of a request's whole cost.
 */
export class Bag<Item extends Bagged> {
  readonly items: Item[] = []

  add(item: Item): void {
    item.slot ??= this.items.push(item) - 1
  }

  /** True if the item was in the bag. */
  delete(item: Item): boolean {
    const index = item.slot
    if (index === undefined) return false
    item.slot = undefined
    const last = this.items.pop()
    if (last !== undefined && last !== item) {
      this.items[index] = last
      last.slot = index
    }
    return true
  }
}
