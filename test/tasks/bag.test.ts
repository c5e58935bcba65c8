import { describe, expect, it } from 'vitest'
import { Bag, type Bagged } from '../../src/tasks/bag.ts'

interface Named extends Bagged {
  readonly name: string
}

function newItem(name: string): Named {
  return { name, slot: undefined }
}

function newBag(...names: string[]): { bag: Bag<Named>; items: Map<string, Named> } {
  const bag = new Bag<Named>()
  const items = new Map(names.map((name) => [name, newItem(name)]))
  for (const item of items.values()) bag.add(item)
  return { bag, items }
}

function namesIn({ items }: Bag<Named>): string[] {
  return items.map(({ name }) => name).toSorted()
}

describe('Bag.add()', () => {
  it('holds an item once, however often it is added', () => {
    const { bag, items } = newBag('one', 'two')
    for (const item of items.values()) bag.add(item)
    expect(namesIn(bag)).toEqual(['one', 'two'])
  })

  it('takes an item again that was taken out', () => {
    const { bag, items } = newBag('one', 'two')
    const one = items.get('one') ?? expect.fail()
    bag.delete(one)
    bag.add(one)
    expect(namesIn(bag)).toEqual(['one', 'two'])
  })
})

describe('Bag.delete()', () => {
  it.each(['first', 'middle', 'last'])('takes out that item and no other: the %s', (name) => {
    const { bag, items } = newBag('first', 'middle', 'last')
    expect(bag.delete(items.get(name) ?? expect.fail())).toBe(true)
    expect(namesIn(bag)).toEqual([...items.keys()].filter((other) => other !== name).toSorted())
  })

  it('says whether the item was in the bag', () => {
    const { bag, items } = newBag('one')
    const one = items.get('one') ?? expect.fail()
    expect(bag.delete(newItem('another'))).toBe(false)
    expect(bag.delete(one)).toBe(true)
    expect(bag.delete(one)).toBe(false)
    expect(namesIn(bag)).toEqual([])
  })

  it('knows where the items are after others have gone', () => {
    const names = Array.from({ length: 20 }, (_, index) => String(index))
    const { bag, items } = newBag(...names)
    // In an order that moves most of the others.
    const leaving = names.filter((_, index) => index % 3 !== 0)
    for (const name of leaving) bag.delete(items.get(name) ?? expect.fail())
    expect(namesIn(bag)).toEqual(names.filter((name) => !leaving.includes(name)).toSorted())
    expect(bag.items.map((item) => item.slot)).toEqual([...bag.items.keys()])
    expect(leaving.map((name) => items.get(name)?.slot)).toEqual(leaving.map(() => undefined))
  })
})
