suppressMessages(library(lavaan)); library(jsonlite)
d <- HolzingerSwineford1939
ms <- list(
 list("cfa_second_single","cfa","f1 =~ x1+x2+x3; f2 =~ x4+x5+x6; f3 =~ x7+x8; g =~ f1+f2+f3; h =~ x9",list(orthogonal=TRUE)),
 list("sem_ends","sem","f1 =~ x1+x2+x3; f2 =~ x4+x5+x6; f1 ~ x9; f2 ~ x9; x7 ~ x9; x8 ~ x7+f1; x9~1",list()),
 list("sem_user_x","sem","f1 =~ x1+x2+x3; f2 =~ x4+x5+x6\nf2 ~ f1; x7 ~ f2 + x9; x8 ~ f1; x9 ~~ x9",list()),
 list("sem_random_x","sem","x1 ~ x2+x3+x4",list(fixed.x=FALSE)),
 list("sem_mixed_x","sem","x1 ~ x2+x3+x4; x2 ~~ x3",list()),
 list("cfa_effects","cfa","f1 =~ a*x1+a*x2+x3; f2 =~ start(2)*x4+x5+x6;x1~~0*x2",list(effect.coding=TRUE,meanstructure=TRUE)),
 list("cfa_std","cfa","f1 =~ x1+x2+x3; f2 =~ x4+0.5*x5+x6; f1~~2*f1; x1 ~ 5*1",list(std.lv=TRUE)),
 list("cfa_free_marker","cfa","f1 =~ NA*x1+lab*x2+x3; f1 ~~ 1*f1; f2 =~ x4+x5+x6; f1~~0*f2",list()),
 list("growth_cov","growth","i =~ 1*x1+1*x2+1*x3; s =~ 0*x1+1*x2+2*x3; i+s ~ x9; x3 ~ x8",list()),
 list("lavaan_bare","lavaan","f =~ 1*x1+x2+x3+x4; x1~~x1;x2~~x2;x3~~x3;x4~~x4;f~~f",list()),
 list("sem_resid","sem","f =~ x1+x2+x3; x4 ~ f; x4 ~~ x5; x5 ~ x6; x2 ~~ x5",list()),
 list("sem_lv_ov_cov","cfa","f =~ x1+x2+x3; f ~~ x9; x9 ~~ x9",list()))
out <- lapply(ms, function(m) {
  fit <- suppressWarnings(do.call(m[[2]], c(list(model=m[[3]], data=d), m[[4]])))
  p <- parTable(fit); p <- p[!(p$op %in% c("==",":=")),]
  fm <- fitMeasures(fit,c("npar","chisq","df","cfi","logl","srmr","baseline.chisq","baseline.df"))
  list(id=m[[1]], `function`=m[[2]], model=m[[3]], options=m[[4]], rows=unname(lapply(seq_len(nrow(p)), function(i) list(p$lhs[i],p$op[i],p$rhs[i],p$free[i]>0,p$exo[i]==1))),
       est=p$est, fit=as.list(fm))
})
write(toJSON(out, auto_unbox=TRUE, digits=12, pretty=1), "cases/defaults_models.json")
