import { backgroundTasks } from 'background-tasks/context'
import { writeNotification } from './notification.ts'

export function noteVisit(email: string): void {
  backgroundTasks().addTask(writeNotification, email, 'some notification')
}
