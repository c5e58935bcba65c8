export { writeNotification } from '../../../scenario.ts'
