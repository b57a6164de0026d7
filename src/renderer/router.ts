import { createRouter, createWebHashHistory } from 'vue-router'
import RunsPage from './runs/RunsPage.vue'
import { pageOf } from './ui/partOfPage'

/** Pages, each read when it is first opened; the one that a start shows is part of the first script. */
export const router = createRouter({
  // A server's address keeps its token in the query, and `app://` has one file: the place in the page stands after the #.
  history: createWebHashHistory(),
  routes: [
    { path: '/', redirect: '/runs' },
    { path: '/runs', name: 'runs', component: RunsPage, meta: { title: 'Runs' } },
    {
      path: '/runs/:id',
      name: 'run',
      component: pageOf(() => import('./runs/RunPage.vue')),
      props: true,
      meta: { title: 'Run' },
    },
    {
      path: '/datasets/:key?',
      name: 'datasets',
      component: pageOf(() => import('./datasets/DatasetsPage.vue')),
      meta: { title: 'Data sets' },
    },
    {
      path: '/new',
      name: 'new',
      component: pageOf(() => import('./experiment/ExperimentPage.vue')),
      meta: { title: 'New experiment' },
    },
    {
      path: '/new/sweep',
      name: 'new-sweep',
      component: pageOf(() => import('./sweep/SweepDraftPage.vue')),
      meta: { title: 'New sweep' },
    },
    {
      path: '/sweeps/:name?',
      name: 'sweeps',
      component: pageOf(() => import('./sweep/SweepsPage.vue')),
      props: true,
      meta: { title: 'Sweeps' },
    },
    {
      path: '/compare',
      name: 'compare',
      component: pageOf(() => import('./compare/ComparePage.vue')),
      meta: { title: 'Compare' },
    },
    {
      path: '/users',
      name: 'users',
      component: pageOf(() => import('./users/UsersPage.vue')),
      meta: { title: 'Users' },
    },
    {
      path: '/users/:user',
      name: 'user',
      component: pageOf(() => import('./users/UserPage.vue')),
      props: true,
      meta: { title: 'User' },
    },
    {
      path: '/settings',
      name: 'settings',
      component: pageOf(() => import('./settings/SettingsPage.vue')),
      meta: { title: 'Settings' },
    },
    {
      path: '/settings/clusters/:name?',
      name: 'cluster',
      component: pageOf(() => import('./clusters/ClusterPage.vue')),
      props: true,
      meta: { title: 'Cluster' },
    },
    { path: '/:rest(.*)*', redirect: '/runs' },
  ],
})

router.afterEach(({ meta }) => {
  document.title = typeof meta.title === 'string' ? `${meta.title} – Delta Workbench` : 'Delta Workbench'
})
