# XGBoost, for the forest and the boosted trees; without it both read n/a.
pkg_check_modules(XGBOOST QUIET IMPORTED_TARGET xgboost)
if(XGBOOST_FOUND)
    target_link_libraries(${plugin} PRIVATE PkgConfig::XGBOOST)
    target_compile_definitions(${plugin} PRIVATE FINGERPRINT_XGBOOST)
else()
    message(STATUS "fingerprint: built without XGBoost, which is not here")
endif()
