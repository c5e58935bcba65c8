import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { turn } from './turn.ts'

setFlagsFromString('--expose-gc')
const collectGarbage: () => void = runInNewContext('gc')

/** True as soon as nothing holds the object; false if it is still there after many collections. */
export async function isCollected(reference: WeakRef<object>): Promise<boolean> {
  for (let round = 0; round < 10; round += 1) {
    await turn()
    collectGarbage()
    if (reference.deref() === undefined) return true
  }
  return false
}
