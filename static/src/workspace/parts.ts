// What a workspace shows beside the text: code that comes after the first paint.
import { lazy } from '../ui/lazy'

export const SessionPanel = lazy(() => import('../sessions/panel').then((part) => part.SessionPanel))
export const JobsPanel = lazy(() => import('../jobs/panel').then((part) => part.JobsPanel))
export const SearchSide = lazy(() => import('./side').then((part) => part.SearchSide))
export const PeopleSide = lazy(() => import('./side').then((part) => part.PeopleSide))
export const CommentsSide = lazy(() => import('../comments/panel').then((part) => part.CommentsSide))
export const HistorySide = lazy(() => import('../history/panel').then((part) => part.HistorySide))
export const ChangesSide = lazy(() => import('../git/side').then((part) => part.ChangesSide))
export const JobsSide = lazy(() => import('../jobs/side').then((part) => part.JobsSide))
export const Compare = lazy(() => import('../history/compare').then((part) => part.Compare))
export const JobsBoard = lazy(() => import('../jobs/board/board').then((part) => part.JobsBoard))
export const JobScreen = lazy(() => import('../jobs/screen').then((part) => part.JobScreen))
export const Review = lazy(() => import('../jobs/review/review').then((part) => part.Review))
