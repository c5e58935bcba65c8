'use server'

import { withBackgroundTasks } from 'background-tasks/next'
import { redirect } from 'next/navigation'
import { writeNotification } from '../../lib/notifications'

export const subscribe = withBackgroundTasks(async (tasks, formData: FormData) => {
  const email = String(formData.get('email'))
  tasks.addTask(writeNotification, email, { message: 'welcome' })
  redirect('/elsewhere')
})
