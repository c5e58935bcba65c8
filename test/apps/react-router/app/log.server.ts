import { report } from '../../scenario.ts'

export function writeLog(message: string): void {
  report('log', message)
}
